import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { listPatients, type Searching, searchPatients } from "../../shared/registration/search-patients.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { searchingFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { searchRequestOf } from "./request.ts";
import { searchResponse } from "./response.ts";

/** GET /Patient and POST /Patient/_search: http://hl7.org/fhir/R4/http.html#search */
export const createHandler = (searching: Searching, log: Log) =>
  fhirHandler(log, async (request) => {
    const search = searchRequestOf(request);
    const { criteria, position, count } = search;
    const found =
      criteria.length > 0
        ? await searchPatients(searching, criteria, position.after ?? "", count, request.deadline)
        : await listPatients(searching, position, count, request.deadline);
    return searchResponse(request, search, found, searching.settings.systems);
  });

export const handler = createHandler(searchingFromEnv(process.env), createLog());
