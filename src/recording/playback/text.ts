import { styleText } from 'node:util';
import { OutputLines } from './output-lines.js';
import { scenesOf, type Events, type Marker } from './scenes.js';

export interface TextOptions {
  /** Colour markers. Only ours: recorded text cannot bring its own. */
  readonly color?: boolean;
}

/** A readable transcript, piece by piece. */
export async function* renderText(events: Events, options: TextOptions = {}): AsyncGenerator<string> {
  const lines = new OutputLines();
  for await (const scene of scenesOf(events)) {
    const { marker } = scene;
    const text = lines.next(scene);
    const typedFrom = scene.typedFrom === null ? null : scene.typedFrom + text.length - scene.text.length;
    if (text === '') continue;
    if (options.color !== true) yield text;
    else if (typedFrom === null) yield paint(marker, text);
    else yield styleText('dim', text.slice(0, typedFrom)) + styleText('bold', text.slice(typedFrom));
  }
}

/** The whole transcript. */
export async function transcriptOf(events: Events, options: TextOptions = {}): Promise<string> {
  let whole = '';
  for await (const piece of renderText(events, options)) whole += piece;
  return whole;
}

/** Colours a scene's text by what it shows. */
export function paint(marker: Marker, text: string): string {
  switch (marker) {
    case 'open':
    case 'end':
    case 'notice':
      return styleText('dim', text);
    case 'allow':
    case 'approval':
      return styleText('green', text);
    case 'hold':
      return styleText('yellow', text);
    case 'deny':
    case 'error':
      return styleText('red', text);
    case 'statement':
    case 'result':
    case 'terminal':
    case 'resize':
      return text;
  }
}
