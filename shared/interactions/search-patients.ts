import type { Respond } from "../http/request.ts";
import { listPatients, type Searching, searchPatients } from "../registration/search-patients.ts";
import { searchRequestOf } from "./search-request.ts";
import { fittingPage, searchResponse } from "./search-response.ts";

/** GET /Patient and POST /Patient/_search: http://hl7.org/fhir/R4/http.html#search */
export const searchInteraction =
  (searching: Searching): Respond =>
  async (request) => {
    const search = searchRequestOf(request);
    const { criteria, position, isCounting } = search;
    const { systems } = searching.settings;
    const limit = { count: isCounting ? 0 : search.count, fitting: fittingPage(request, systems) };
    const found =
      criteria.length > 0
        ? await searchPatients(searching, criteria, position.after ?? "", limit, request.deadline)
        : await listPatients(searching, position, limit, request.deadline);
    return searchResponse(request, search, found, systems);
  };
