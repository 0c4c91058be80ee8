/** One line about each group of commands, for help. */
export const topics: Readonly<Record<string, { readonly description: string }>> = {
  config: { description: "Configuration for other people's clients." },
  copies: { description: 'Columns that hold copies of protected values.' },
  access: { description: 'Membership in a group for a while: ask for it, list it, end it, review it.' },
  daemon: { description: 'The local agent, which keeps tunnels open.' },
  gateway: { description: 'Run a gateway.' },
  mcp: { description: 'Tools for AI agents (Model Context Protocol).' },
  policy: { description: 'Check and explain policies.' },
  relays: { description: 'Relays into private networks, and what serves them.' },
  requests: { description: 'Ask for approval, and decide about what others ask.' },
  secrets: { description: "The secrets in the gateway's vault." },
  sessions: { description: 'Recorded sessions: list, search, show, verify, export.' },
  ssh: { description: 'Logins for the gateway’s native SSH port.' },
  'ssh keys': { description: 'Keys of your own that the native SSH port takes.' },
  tunnels: { description: 'Tunnels that are open on this machine.' },
};
