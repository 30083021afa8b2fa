// Checks Knative Services, a JSON array on standard input, by Knative's own schemas.
const { Service } = require("@kubernetes-models/knative/serving.knative.dev/v1");

const services = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
let failures = 0;
for (const each of services) {
  try {
    new Service(each).validate();
  } catch (error) {
    failures += 1;
    console.error(`${each.metadata.name}: ${error.message}`);
  }
}
console.log(`${services.length} Knative Services were checked, ${failures} are invalid.`);
process.exit(failures || !services.length ? 1 : 0);
