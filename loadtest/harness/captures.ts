// Runs the process that captures orders, and says what the grid has of them.
import type { CaptureLine, CaptureResult, CaptureSpec } from '../generator/captures.ts';
import { Service, script } from './processes.ts';

const OVERTIME_MS = 30_000;

export interface Capturing {
  /** Resolves when its window opens. */
  readonly started: Promise<void>;
  readonly result: Promise<CaptureResult>;
  readonly service: Service;
}

export function captureOrders(spec: CaptureSpec): Capturing {
  let last: CaptureLine | undefined;
  let onStart = (): void => {};
  const started = new Promise<void>((resolve) => {
    onStart = resolve;
  });
  const service = new Service(
    'captures',
    process.execPath,
    [script('generator/captures'), JSON.stringify(spec)],
    (text) => {
      last = JSON.parse(text) as CaptureLine;
      if (last.event === 'window-start') onStart();
    },
  );
  const timer = setTimeout(() => void service.stop('SIGKILL'), spec.warmUpMs + spec.windowMs + OVERTIME_MS);
  const result = service.exited.then(() => {
    clearTimeout(timer);
    onStart();
    if (last?.event === 'result') return last.result;
    throw new Error(`capturing failed: ${last?.event === 'error' ? last.message : service.output}`);
  });
  result.catch(() => {});
  return { started, result, service };
}

/** How many orders the worker has, by its own word. */
export async function ordersAt(port: number): Promise<number> {
  const reply = await fetch(`http://127.0.0.1:${port}/v1/status`);
  const { figures } = (await reply.json()) as { figures: { orders: number } };
  return figures.orders;
}
