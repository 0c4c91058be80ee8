import { join } from 'node:path';

/** How the system's service manager is to start the agent. */
export interface ServiceCommand {
  readonly program: string;
  readonly arguments: readonly string[];
  /** What the agent needs of its user's surroundings; never a token. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A file that makes the agent a service of this user, and the programs that put it into force. */
export interface ServiceUnit {
  readonly manager: 'systemd' | 'launchd';
  readonly file: string;
  readonly text: string;
  readonly enable: readonly (readonly string[])[];
  readonly disable: readonly (readonly string[])[];
}

const systemdName = 'sluice-agent.service';
const launchdLabel = 'dev.sluice.agent';

/** systemd.service(5), as a user unit. An agent that ends with 0 was told to: it stays away. */
export function systemdUnit(home: string, configHome: string | null, command: ServiceCommand): ServiceUnit {
  const { program, arguments: words, variables } = command;
  const text = `[Unit]
Description=Sluice local agent: tunnels to targets
Documentation=man:sluice-daemon(1)

[Service]
Type=exec
ExecStart=${[program, ...words].map(systemdWord).join(' ')}
${Object.entries(variables)
  .map(([name, value]) => `Environment=${systemdWord(`${name}=${value}`)}\n`)
  .join('')}Restart=on-failure
RestartSec=2
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes

[Install]
WantedBy=default.target
`;
  const systemctl = (...rest: string[]): readonly string[] => ['systemctl', '--user', ...rest];
  return {
    manager: 'systemd',
    file: join(configHome ?? join(home, '.config'), 'systemd/user', systemdName),
    text,
    enable: [systemctl('daemon-reload'), systemctl('enable', '--now', systemdName)],
    disable: [systemctl('disable', '--now', systemdName)],
  };
}

/** systemd.syntax(7): in double quotes, with specifiers (%) and variables ($) taken literally. */
function systemdWord(word: string): string {
  const quoted = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('\n', '\\n')
    .replaceAll('$', '$$$$');
  return `"${quoted}"`;
}

/** launchd.plist(5), as a LaunchAgent of the user with this id. */
export function launchdAgent(home: string, uid: number, command: ServiceCommand): ServiceUnit {
  const { program, arguments: words, variables } = command;
  const file = join(home, 'Library/LaunchAgents', `${launchdLabel}.plist`);
  const strings = [program, ...words].map((word) => `    <string>${xml(word)}</string>`).join('\n');
  const pairs = Object.entries(variables)
    .map(([name, value]) => `    <key>${xml(name)}</key>\n    <string>${xml(value)}</string>`)
    .join('\n');
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${launchdLabel}</string>
  <key>ProgramArguments</key>
  <array>
${strings}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${pairs}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
`;
  return {
    manager: 'launchd',
    file,
    text: pairs === '' ? text.replace(/ {2}<key>EnvironmentVariables<\/key>\n {2}<dict>\n\n {2}<\/dict>\n/, '') : text,
    enable: [['launchctl', 'bootstrap', `gui/${uid}`, file]],
    disable: [['launchctl', 'bootout', `gui/${uid}/${launchdLabel}`]],
  };
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
