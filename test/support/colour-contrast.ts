import type { Locator } from "playwright-core";

/** Red, green, blue from 0 to 255, and alpha from 0 to 1. */
type Colour = readonly [red: number, green: number, blue: number, alpha: number];

/** A computed colour: `rgb(1, 2, 3)`, `rgba(1, 2, 3, 0.5)` or `color(srgb 0.1 0.2 0.3 / 0.5)`. */
function colourOf(css: string): Colour {
  const [red = 0, green = 0, blue = 0, alpha = 1] = [...css.matchAll(/\d*\.?\d+(?:e-?\d+)?/g)].map(Number);
  const scale = css.startsWith("color(srgb") ? 255 : 1;
  return [red * scale, green * scale, blue * scale, alpha];
}

const over = ([red, green, blue, alpha]: Colour, below: Colour): Colour => {
  const mix = (above: number, under: number) => above * alpha + under * (1 - alpha);
  return [mix(red, below[0]), mix(green, below[1]), mix(blue, below[2]), 1];
};

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.slice(0, 3).map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(foreground: string, backgrounds: readonly string[]): number {
  const background = [...backgrounds]
    .reverse()
    .map(colourOf)
    .reduce((below, above) => over(above, below));
  const [lighter = 0, darker = 0] = [luminance(over(colourOf(foreground), background)), luminance(background)].sort(
    (one, other) => other - one,
  );
  return (lighter + 0.05) / (darker + 0.05);
}

type RenderedText = { readonly text: string; readonly colour: string; readonly backgrounds: readonly string[] };

/** Every text that is displayed below the elements, with its colour and what is behind it, the nearest first. */
export const renderedTexts = (elements: Locator): Promise<RenderedText[]> =>
  elements.locator("*:not(option)").evaluateAll((all) =>
    all
      .filter(
        (made) =>
          made.checkVisibility() &&
          [...made.childNodes].some(({ nodeType, nodeValue }) => nodeType === 3 && nodeValue?.trim()),
      )
      .map((made) => {
        const backgrounds: string[] = [];
        for (let holder: Element | null = made; holder !== null; holder = holder.parentElement) {
          backgrounds.push(getComputedStyle(holder).backgroundColor);
        }
        return { text: made.textContent.trim().slice(0, 40), colour: getComputedStyle(made).color, backgrounds };
      }),
  );
