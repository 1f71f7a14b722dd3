// The arrows of the architecture: handler → use case → ports ← adapters, with pure mapping and FHIR rules in the middle.
const libraries = "node_modules/(@aws-sdk|@smithy|@middy|@aws-lambda-powertools|aws-cdk-lib|constructs)";
const ports = "^shared/(particle/particle-gateway|store/mapping-store)\\.ts$";

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "mapping-and-fhir-are-pure",
      comment: "Pure rules: they know failures and types of the field, nothing that has an effect.",
      severity: "error",
      from: { path: "^shared/(mapping|fhir|failure)/" },
      to: {
        path: `^(functions|infra|local)/|^shared/(http|interactions|particle|store|runtime|registration)/|${libraries}|^node:`,
      },
    },
    {
      name: "use-cases-know-only-ports",
      severity: "error",
      from: { path: "^shared/registration/" },
      to: {
        path: `^(functions|infra|local)/|^shared/(http|interactions|particle|store|runtime)/|${libraries}`,
        pathNot: ports,
      },
    },
    {
      name: "adapters-know-only-their-ports",
      severity: "error",
      from: { path: "^shared/(particle|store)/" },
      to: { path: "^(functions|infra|local)/|^shared/(http|interactions|registration)/" },
    },
    {
      name: "particle-and-store-do-not-know-each-other",
      severity: "error",
      from: { path: "^shared/(particle|store)/" },
      to: { path: "^shared/(particle|store)/", pathNot: "^shared/$1/" },
    },
    {
      name: "interactions-know-only-use-cases",
      comment: "Only a function's handler.ts composes it of adapters.",
      severity: "error",
      from: { path: "^shared/interactions/" },
      to: { path: `^(functions|infra|local)/|^shared/(store|particle|runtime)/|${libraries}`, pathNot: ports },
    },
    {
      name: "no-function-imports-another",
      severity: "error",
      from: { path: "^functions/([^/]+)/" },
      to: { path: "^functions/", pathNot: "^functions/$1/" },
    },
    {
      name: "runtime-does-not-import-infra-or-local",
      severity: "error",
      from: { path: "^(functions|shared)/" },
      to: { path: "^(infra|local|test)/|node_modules/(aws-cdk-lib|constructs)" },
    },
    {
      name: "infra-takes-only-names-and-rules-of-settings",
      comment:
        "Names of environment variables and metrics, what the former may be, and the route table; everything else of a function is its entry path.",
      severity: "error",
      from: { path: "^infra/" },
      to: {
        path: "^(functions|shared|local|test)/",
        pathNot: "^shared/(runtime/(env|env-names|metric-names)|http/routes)\\.ts$",
      },
    },
    {
      name: "nothing-imports-infra",
      severity: "error",
      from: { pathNot: "^(infra|test)/" },
      to: { path: "^infra/" },
    },
    {
      name: "the-simulator-is-the-other-side",
      severity: "error",
      from: { path: "^local/particle/" },
      to: { path: "^(shared|functions|infra)/" },
    },
    {
      name: "nothing-imports-local",
      severity: "error",
      from: { pathNot: "^(local|test)/" },
      to: { path: "^local/" },
    },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
