import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Recovery } from "../registration/recover-registrations.ts";

/** Counts for CloudWatch, written as log lines in the embedded metric format. */
export function createRecoveryMetrics(): (recovery: Recovery) => void {
  const metrics = new Metrics({ namespace: "FhirParticleAdapter", serviceName: "fhir-particle-adapter" });
  return ({ found, decided, failed, oldestSeconds }) => {
    metrics.addMetric("OverdueOperations", MetricUnit.Count, found);
    metrics.addMetric("RecoveredOperations", MetricUnit.Count, decided);
    metrics.addMetric("UndecidableOperations", MetricUnit.Count, failed);
    metrics.addMetric("OldestOverdueOperation", MetricUnit.Seconds, oldestSeconds);
    metrics.publishStoredMetrics();
  };
}
