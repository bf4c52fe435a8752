import type { PipelineEvent } from '../pipeline/index.ts';
import { ERASE, isShown, progressText, sharedText } from '../pipeline/progress-line.ts';

/** One line of a terminal that tells what is being done to which model; nothing elsewhere, in CI and where the bundler is told to be quiet. What was had of a shared cache stays. */
export interface BuildProgress {
  show(event: PipelineEvent): void;
  /** The model is finished, or has failed. */
  end(model: string): void;
  /** Takes the line away, so that something else can be printed. */
  clear(): void;
}

const DOING = { calibrate: 'calibrating', quantize: 'quantizing', measure: 'checking', latency: 'measuring latency', sensitivity: 'looking for sensitive weights' } as const;

export function buildProgress(isQuiet: () => boolean, stream: NodeJS.WriteStream = process.stderr, env: NodeJS.ProcessEnv = process.env): BuildProgress {
  const working = new Map<string, string>();
  let isOpen = false;

  function clear(): void {
    if (isOpen) stream.write(ERASE);
    isOpen = false;
  }

  function draw(): void {
    const [model, doing] = [...working].at(-1) ?? [];
    if (model === undefined || isQuiet() || !isShown(stream, env)) return clear();
    const others = working.size > 1 ? ` (and ${working.size - 1} more)` : '';
    stream.write(`${ERASE}${`${model}: ${doing}${others}`.slice(0, Math.max(1, (stream.columns || 80) - 1))}`);
    isOpen = true;
  }

  function tell(model: string, doing: string): void {
    // What was told last stands last.
    working.delete(model);
    working.set(model, doing);
    draw();
  }

  function end(model: string): void {
    if (working.delete(model)) draw();
  }

  return {
    show(event) {
      if (event.kind === 'step') tell(event.model, DOING[event.step]);
      else if (event.kind === 'progress') tell(event.model, progressText(event));
      else if (event.kind === 'shared' && !isQuiet()) {
        clear();
        stream.write(`${sharedText(event)}\n`);
      }
    },
    end,
    clear,
  };
}
