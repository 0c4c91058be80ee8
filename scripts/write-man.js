// Writes dist/man/*.1 from the command manifest: the same words as --help, for man(1). Run by the build.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';

const bin = 'sluice';

/** Text for roff: no backslash, leading dot or quote is a request, and a hyphen is a minus that can be copied. */
function roff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

function flagLines(flags) {
  return Object.values(flags)
    .filter((flag) => !flag.hidden)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => {
      const value =
        flag.type === 'option' ? `=\\fI${roff(flag.helpValue ?? flag.options?.join('|') ?? 'VALUE')}\\fR` : '';
      const short = flag.char === undefined ? '' : `\\fB\\-${flag.char}\\fR, `;
      return `.TP\n${short}\\fB\\-\\-${roff(flag.name)}\\fR${value}\n${roff(flag.summary ?? flag.description ?? '')}\n`;
    })
    .join('');
}

/** One command's page, sluice-login(1). */
function commandPage(id, command, version) {
  const name = `${bin}-${id.replaceAll(':', '-')}`;
  const words = id.replaceAll(':', ' ');
  const args = Object.values(command.args ?? {})
    .map((arg) => ` ${arg.required ? arg.name.toUpperCase() : `[${arg.name.toUpperCase()}]`}`)
    .join('');
  const own = Object.fromEntries(Object.entries(command.flags).filter(([, flag]) => flag.helpGroup !== 'GLOBAL'));
  const global = Object.fromEntries(Object.entries(command.flags).filter(([, flag]) => flag.helpGroup === 'GLOBAL'));
  const examples = (command.examples ?? []).map((example) =>
    roff(String(example).replaceAll('<%= config.bin %>', bin)),
  );
  return [
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "" "${bin} ${version}" "Sluice"\n`,
    `.SH NAME\n${roff(name)} \\- ${roff((command.summary ?? '').replace(/\.$/, ''))}\n`,
    `.SH SYNOPSIS\n.B ${bin} ${roff(words)}\n${roff(args.trim())} [OPTIONS]\n`,
    command.description === undefined ? '' : `.SH DESCRIPTION\n${roff(command.description)}\n`,
    Object.keys(own).length === 0 ? '' : `.SH OPTIONS\n${flagLines(own)}`,
    `.SH GLOBAL OPTIONS\n${flagLines(global)}`,
    examples.length === 0 ? '' : `.SH EXAMPLES\n.nf\n${examples.join('\n')}\n.fi\n`,
    `.SH SEE ALSO\n.BR ${bin} (1)\n`,
  ].join('');
}

/** sluice(1): every command in a line, exit codes, environment. */
function mainPage(commands, version, { exitCodes, environment }) {
  const list = Object.entries(commands)
    .map(([id, { summary = '' }]) => `.TP\n.B ${bin} ${roff(id.replaceAll(':', ' '))}\n${roff(summary)}\n`)
    .join('');
  const codes = exitCodes.map(([code, meaning]) => `.TP\n.B ${code}\n${roff(meaning)}\n`).join('');
  return [
    `.TH ${bin.toUpperCase()} 1 "" "${bin} ${version}" "Sluice"\n`,
    `.SH NAME\n${bin} \\- access gateway: every command to production judged, masked, approved, recorded\n`,
    `.SH SYNOPSIS\n.B ${bin}\nCOMMAND [ARGUMENTS] [OPTIONS]\n`,
    `.SH COMMANDS\n${list}`,
    `.SH EXIT STATUS\n${codes}`,
    `.SH ENVIRONMENT\n.nf\n${roff(environment.split('\n').slice(1).join('\n'))}\n.fi\n`,
    `.SH FILES\n.nf\n${roff('~/.config/sluice        profiles, and logins where there is no keyring\n~/.local/state/sluice   remembered ports and tunnels\n$XDG_RUNTIME_DIR/sluice the local agent’s socket and log')}\n.fi\n`,
  ].join('');
}

/** Writes every page; returns how many there are. */
export async function writeMan() {
  const dir = new URL('../dist/man/', import.meta.url);
  const { version, commands } = JSON.parse(
    await readFile(new URL('../dist/oclif.manifest.json', import.meta.url), 'utf8'),
  );
  const { exitCodeMeanings } = await import('../dist/src/cli/exit-codes.js');
  const { helpTopics } = await import('../dist/src/cli/help-topics.js');
  const shown = Object.fromEntries(Object.entries(commands).filter(([, command]) => !command.hidden));
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const topics = { exitCodes: exitCodeMeanings, environment: helpTopics.environment.text };
  await writeFile(new URL(`${bin}.1`, dir), mainPage(shown, version, topics));
  for (const [id, command] of Object.entries(shown)) {
    await writeFile(new URL(`${bin}-${id.replaceAll(':', '-')}.1`, dir), commandPage(id, command, version));
  }
  return Object.keys(shown).length + 1;
}
