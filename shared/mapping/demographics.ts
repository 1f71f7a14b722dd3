/**
 * What Particle holds about a person, in Particle's own words.
 * Source: "Required Fields" of the vendor's Patients API page.
 */
export type Demographics = {
  readonly given_name: string;
  readonly family_name: string;
  /** `YYYY-MM-DD` */
  readonly date_of_birth: string;
  readonly gender: "MALE" | "FEMALE";
  /** Five digits. */
  readonly postal_code: string;
  readonly address_city: string;
  /** Two-letter USPS code. */
  readonly address_state: string;
  /** Without city, state and postal code. */
  readonly address_lines?: readonly string[];
  /** `NNN-NN-NNNN` */
  readonly ssn?: string;
  /** `NNN-NNN-NNNN` */
  readonly telephone?: string;
  readonly email?: string;
};

export type DemographicField = keyof Demographics;

/**
 * Demographics as Particle answers them: the same fields, any of which may be missing, in formats that Particle is
 * free to choose (a telephone comes back as `(234) 567-8910`, a gender in upper case, a ZIP without its last four).
 */
export type EchoedDemographics = {
  readonly [Field in Exclude<DemographicField, "address_lines">]?: string;
} & { readonly address_lines?: readonly string[] };
