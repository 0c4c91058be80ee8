import type { z } from 'zod';
import type { McpApi } from './api.js';

/** read: nothing changes. run: what may change something, and asking people for it. */
export type ToolGroup = 'read' | 'run';
export type Toolset = ToolGroup | 'all';

export interface ToolCall {
  readonly api: McpApi;
  readonly signal: AbortSignal;
  /** Tells a client that asked for it how long a wait has lasted. */
  readonly progress: (message: string, done: number, total: number) => Promise<void>;
}

/** One tool, its input and output checked by its schemas. */
export interface Tool<In extends z.ZodObject = z.ZodObject, Out extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly groups: readonly ToolGroup[];
  /** Changes nothing, wherever it is run. */
  readonly readOnly: boolean;
  readonly input: In;
  readonly output: Out;
  readonly handle: (call: ToolCall, input: z.output<In>) => Promise<z.output<Out>>;
}

/** A tool whose handler knows its input; the list holds them without. */
export function tool<In extends z.ZodObject, Out extends z.ZodObject>(given: Tool<In, Out>): Tool {
  const { handle, ...rest } = given;
  return { ...rest, handle: async (call, input) => handle(call, given.input.parse(input)) };
}
