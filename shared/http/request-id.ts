import type { APIGatewayProxyEvent, Context } from "aws-lambda";

/**
 * Names a request in logs, audit, table and X-Request-Id: the extended request id, which only API Gateway writes. Its
 * `requestId` is the client's to choose, by the header x-amzn-RequestId.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html
 *
 * @returns Lambda's own id for an event that has none: somebody invoked the function directly.
 */
export const requestIdOf = (
  { requestContext }: { readonly requestContext: Pick<APIGatewayProxyEvent["requestContext"], "extendedRequestId"> },
  { awsRequestId }: Pick<Context, "awsRequestId">,
): string => requestContext.extendedRequestId ?? awsRequestId;
