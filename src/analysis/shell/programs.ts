/** Programs whose arguments are (also) a program to run: how many of their own words come first. */
export interface Wrapper {
  /** Flags that take the word behind them. */
  readonly valued: readonly string[];
  /** Words after the flags that are the wrapper's own (`timeout 5 ls`). */
  readonly own: number;
  /** It takes `NAME=value` words too. */
  readonly assigns: boolean;
}

const wrapper = (valued = '', own = 0, assigns = false): Wrapper => ({
  valued: valued === '' ? [] : valued.split(' '),
  own,
  assigns,
});

export const wrappers: ReadonlyMap<string, Wrapper> = new Map([
  ['sudo', wrapper('-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir', 0, true)],
  ['doas', wrapper('-u -C')],
  ['env', wrapper('-u -C --unset --chdir', 0, true)],
  ['nohup', wrapper()],
  ['setsid', wrapper()],
  ['nice', wrapper('-n --adjustment')],
  ['ionice', wrapper('-c -n -p')],
  ['chrt', wrapper('', 1)],
  ['stdbuf', wrapper('-i -o -e')],
  ['timeout', wrapper('-s -k --signal --kill-after', 1)],
  ['time', wrapper('-f -o')],
  ['command', wrapper()],
  ['builtin', wrapper()],
  ['exec', wrapper('-a')],
  ['watch', wrapper('-n --interval')],
  ['strace', wrapper('-e -o -p -s')],
  ['unshare', wrapper()],
  ['chroot', wrapper('', 1)],
  ['flock', wrapper('-w -E', 1)],
  ['xargs', wrapper('-I -n -P -L -d -a -s -E --max-args --max-procs --delimiter --arg-file')],
  ['parallel', wrapper('-j')],
  ['busybox', wrapper()],
  ['toybox', wrapper()],
]);

/** Shells: with `-c TEXT` that is read too; in any other form they run what nobody here sees. */
export const shells: ReadonlySet<string> = new Set([
  ...['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'fish', 'csh', 'tcsh', 'rbash', 'su', 'login', 'runuser'],
]);

/**
 * Programs that run code given to them, change what later words mean, or hand a person a way to run anything. A program
 * that is not here may do so too: a policy that must be tight names what it permits.
 */
export const interpreters: ReadonlySet<string> = new Set([
  ...['eval', 'source', '.', 'trap', 'alias', 'unalias', 'enable', 'bind', 'complete', 'set', 'shopt', 'export'],
  ...['declare', 'typeset', 'local', 'readonly', 'read', 'mapfile', 'hash', 'history', 'fc'],
  ...['python', 'python2', 'python3', 'perl', 'ruby', 'node', 'nodejs', 'deno', 'bun', 'php', 'lua', 'tclsh', 'expect'],
  ...['awk', 'gawk', 'mawk', 'nawk', 'ed', 'ex', 'vi', 'vim', 'nvim', 'view', 'emacs', 'nano', 'less', 'more', 'man'],
  ...['gdb', 'lldb', 'psql', 'mysql', 'sqlite3', 'irb', 'ipython', 'jshell', 'ghci', 'scala', 'R', 'octave'],
  ...['tmux', 'screen', 'script', 'at', 'batch', 'crontab', 'make', 'm4', 'nsenter', 'docker', 'podman', 'kubectl'],
  ...['lxc', 'machinectl', 'systemd-run', 'ssh', 'nc', 'ncat', 'netcat', 'socat', 'telnet', 'rlwrap', 'pwsh'],
]);

/** Variables that change nothing but how output looks. */
export const harmlessVariables = /^(LANG|LANGUAGE|LC_[A-Z]+|TERM|TZ|COLUMNS|LINES|NO_COLOR|CLICOLOR)\+?=/;
