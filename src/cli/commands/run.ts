/** `perfglass run`: a program on the modelled processor, nothing measured. Its exit code is the program's. */
import { exitCodeOf } from '../exit-code.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { loadInterpreter } from '../interpreter.ts';
import { addModelOptions, type ModelOptions, modelSettings } from '../models-options.ts';
import { handlerOption, modelList, modelOption, numberOption, watchInterrupt } from '../options.ts';
import { measure } from '../stat/measure.ts';
import { makeManifest, writeManifest } from '../manifest/manifest.ts';
import { declareWorldOptions, optionsOf, type WorldOptions } from '../world/options.ts';
import { makeWorld } from '../world/world.ts';

interface RunOptions extends ModelOptions, WorldOptions {
  cpu?: string;
  seed?: string;
  memory?: string;
  verbose?: boolean;
}

export const define: DefineCommand = (program, setExit) => {
  declareWorldOptions(addModelOptions(program))
    .usage('[options] [--] COMMAND [ARGS]')
    .argument('[command...]')
    .passThroughOptions()
    .option('--cpu <model>', "modelled processor, e.g. skylake or skylake,-avx2,+sha; 'list' shows them")
    .option('--seed <n>', 'for everything that is drawn (default 0)')
    .option('--memory <MiB>', 'modelled memory (default 1024)')
    .option('-v, --verbose', 'say what the program asked for and the model lacks')
    .action(async (command: string[], options: RunOptions) => {
      setExit(await run(command, options));
    });
};

async function run(command: readonly string[], o: RunOptions): Promise<number> {
  if (o.cpu === 'list') {
    process.stdout.write(modelList());
    return 0;
  }
  const model = modelOption(o.cpu);
  const seed = numberOption('--seed', o.seed, 0, 0xffff_ffff) ?? 0;
  const memory = numberOption('--memory', o.memory, 16, 4096);
  if (command.length === 0) throw new CliError("what to run? perfglass run [options] -- COMMAND [ARGS] ('perfglass run --help')", 129);
  const world = makeWorld(o, command);
  const signals = watchInterrupt();
  try {
    loadInterpreter();
    const outcome = await measure([], world, {
      model,
      handler: handlerOption(undefined, model),
      pmiLatency: undefined,
      seed,
      memoryBytes: memory === undefined ? undefined : memory * 1_048_576,
      inherit: true,
      models: modelSettings(o),
      interrupted: signals.interrupted,
      breathe: signals.breathe,
    });
    for (const line of outcome.messages) process.stderr.write(`perfglass: ${line}\n`);
    if (o.verbose === true) for (const [what, times] of outcome.missing) process.stderr.write(`not there: ${what} (${times} times)\n`);
    const exit = exitCodeOf(outcome.result);
    if (o.inputs !== undefined && outcome.observed !== undefined) {
      const parts = { command: 'run', options: optionsOf(o, { cpu: model.name }), counts: [], exit };
      writeManifest(o.inputs, makeManifest(world, outcome.observed, parts));
    }
    return exit;
  } finally {
    signals.release();
  }
}
