"""What we hold, as FHIR R4 resources: pure builders, without a database and without a page."""
