import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * Names the process that listens on a TCP port of this machine: "postgres (pid 123)". Null when the system does not tell,
 * which is so for other users' processes and everywhere but on Linux.
 */
export async function findPortHolder(port: number): Promise<string | null> {
  try {
    const inodes = new Set([
      ...(await listeningInodes('/proc/net/tcp', port)),
      ...(await listeningInodes('/proc/net/tcp6', port)),
    ]);
    if (inodes.size === 0) return null;
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid) || !(await holdsSocket(pid, inodes))) continue;
      return `${(await readFile(`/proc/${pid}/comm`, 'utf8')).trim()} (pid ${pid})`;
    }
  } catch {
    // no /proc here
  }
  return null;
}

/** proc(5), /proc/net/tcp: columns sl, local_address (hex address:port), rem_address, st (0A = LISTEN), …, inode. */
async function listeningInodes(table: string, port: number): Promise<readonly string[]> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1);
  return lines.flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const inode = columns[9];
    return columns[1]?.endsWith(wanted) === true && columns[3] === '0A' && inode !== undefined ? [inode] : [];
  });
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  try {
    for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
      const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch {
    // another user's process, or gone
  }
  return false;
}
