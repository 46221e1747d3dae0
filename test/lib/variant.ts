/**
 * `node test/lib/variant.ts functions|trace|observe PROG [MODEL]`: runs a program on another variant of the generated interpreter: every form by its own
 * function (the slow path, the single-stepper), the module that hashes the path and records branches, or the one that
 * writes the models' log.
 */
import { NodeHost } from '../../src/cli/host-node.ts';
import { DEFAULT_CPU_MODEL, findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import { defaultHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import { allForms } from '../../src/machine/engine/semantics/forms.ts';
import { generateInterpreter } from '../../src/machine/engine/tier0/generate.ts';
import { provideInterpreter } from '../../src/system/interpreter.ts';
import { Session } from '../../src/system/session.ts';

const [variant, path = '', name = DEFAULT_CPU_MODEL.name] = process.argv.slice(2);
const found = findCpuModel(name);
if (found.kind !== 'found') throw new Error(`no model ${name}`);
const { model } = found;
if (variant === 'functions') provideInterpreter(generateInterpreter(allForms(), new Set()));
const session = new Session({
  model,
  handler: defaultHandler(model),
  host: new NodeHost(),
  pathHash: variant === 'trace',
  models: variant === 'observe',
});
const refused = session.start({ path, argv: [path], envp: [], cwd: '/' });
if (refused !== undefined) throw new Error(refused);
session.run();
