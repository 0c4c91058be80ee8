/** The proxy that leads out of this network, and who is reached without it. */
export interface ProxySettings {
  readonly url: string;
  /** The variable that named it, for errors. */
  readonly variable: string;
  /** NO_PROXY, as it was given. */
  readonly bypass: string;
}

/** HTTPS_PROXY, else ALL_PROXY, in capitals or not; a gateway without TLS is on this machine, where no proxy leads. */
export function readProxySettings(variables: Readonly<Record<string, string | undefined>>): ProxySettings | null {
  const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const variable = names.find((name) => (variables[name] ?? '') !== '');
  if (variable === undefined) return null;
  return { url: variables[variable] ?? '', variable, bypass: variables['NO_PROXY'] || variables['no_proxy'] || '' };
}
