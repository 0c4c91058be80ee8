/** Writes to standard output or error; resolves when it is on its way, so that an exit loses nothing. */
export function writeText(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return text === '' ? Promise.resolve() : new Promise((resolve) => void stream.write(text, () => resolve()));
}
