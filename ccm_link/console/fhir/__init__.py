"""The read-only FHIR R4 API, under the same walls as everything else."""
