/** Descriptors that are looked at to begin with. */
const firstLook = 32;
/** Those beyond the known ones that are looked at later: the kernel gives the lowest free one. */
const spare = 4;

/** Where links lead, as bytes in latin1, null where there is none; asked in one go, so that nothing else comes in between. */
export type ReadLinks = (paths: readonly string[]) => Promise<readonly (string | null)[]>;

export interface NewDescriptor {
  readonly descriptor: number;
  /** The path of what is open, all links resolved by the kernel (proc(5)), as bytes in latin1. */
  readonly path: string;
}

/**
 * What the target's server has open, as the kernel of its machine tells it: each session has a server process of its own, and
 * on Linux `/proc/self/fd` in that process leads to what each descriptor is. Who changes links there cannot change that.
 */
export class Descriptors {
  readonly #readLinks: ReadLinks;
  /** Of handles that were opened for the client. */
  readonly #ours = new Set<number>();
  /** What the server has open for itself. */
  #others = new Map<number, string>();

  constructor(readLinks: ReadLinks) {
    this.#readLinks = readLinks;
  }

  /** Looks at what is open before the client has opened anything. Call it before `news`. */
  async begin(): Promise<void> {
    const links = await this.#read(firstLook);
    // Beyond what was looked at there may be more: what is new could not be told.
    this.#others = links.size === firstLook ? new Map<number, string>() : links;
  }

  /** False where the machine does not tell: it is another system, or its server sees no `/proc`. */
  get isTold(): boolean {
    return this.#others.size > 0;
  }

  /** The files and folders that were opened since this was asked last and are not `ours`. One round trip. */
  async news(): Promise<readonly NewDescriptor[]> {
    const ours = new Set(this.#ours);
    const links = await this.#read(Math.max(-1, ...ours, ...this.#others.keys()) + 1 + spare);
    const others = new Map<number, string>();
    const found: NewDescriptor[] = [];
    for (const [descriptor, path] of links) {
      if (ours.has(descriptor)) continue;
      if (path.startsWith('/') && this.#others.get(descriptor) !== path) found.push({ descriptor, path });
      else others.set(descriptor, path);
    }
    this.#others = others;
    return found;
  }

  /** It belongs to a handle of the client from now on. */
  opened(descriptor: number): void {
    this.#ours.add(descriptor);
  }

  /** To be told when the request to close it is sent, since the next to be opened gets its number. */
  closed(descriptor: number): void {
    this.#ours.delete(descriptor);
  }

  async #read(count: number): Promise<Map<number, string>> {
    const links = await this.#readLinks(
      Array.from({ length: count }, (_, descriptor) => `/proc/self/fd/${descriptor}`),
    );
    return new Map(links.flatMap((link, descriptor) => (link === null ? [] : [[descriptor, link] as const])));
  }
}
