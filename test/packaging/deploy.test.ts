import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { DockerfileParser } from 'dockerfile-ast';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readBootstrap } from '../../src/gateway/bootstrap-file.js';

const dockerfile = readFileSync('deploy/Dockerfile', 'utf8');

it('the Dockerfile is one that Docker accepts', () => {
  expect(validate(dockerfile)).toEqual([]);
  expect(validate(dockerfile.replace('USER 10001:10001', 'USSER 1'))).not.toEqual([]);
});

it('the image is built in stages, runs as nobody in particular, and carries neither sources nor npm', () => {
  const parsed = DockerfileParser.parse(dockerfile);
  const stages = parsed.getFROMs();
  expect(stages.map((from) => from.getBuildStage())).toEqual(['build', null]);
  for (const from of stages) expect(from.getImageTag()).toMatch(/^\d+\.\d+\.\d+-/); // a moving tag builds another image tomorrow
  // npm packs into a folder that is there, and fails where it is not.
  expect(dockerfile).toMatch(/^RUN mkdir \/out && .*npm pack .*--pack-destination \/out$/m);
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(/^USER (.*)$/m.exec(last)?.[1]).toBe('10001:10001');
  expect(last).toContain('rm -rf /usr/local/lib/node_modules');
  expect(last.match(/^COPY .*$/gm)).toEqual(['COPY --from=build /opt/sluice /opt/sluice']);
  expect(last).toMatch(/^HEALTHCHECK/m);
  expect(last).not.toMatch(/^(ENV|ARG) .*(SECRET|TOKEN|PASSWORD)/im);
});

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly read_only: boolean;
        readonly user: string;
        readonly cap_drop: readonly string[];
        readonly security_opt: readonly string[];
        readonly ports: readonly string[];
        readonly volumes: readonly string[];
        readonly tmpfs: readonly string[];
        readonly privileged?: boolean;
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

it('the compose file gives the gateway a root that it cannot write, no rights, and one volume for its state', () => {
  const compose = parse(readFileSync('deploy/compose.yaml', 'utf8')) as Compose;
  const gateway = compose.services['gateway'];
  expect(gateway).toMatchObject({
    read_only: true,
    user: '10001:10001',
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
  expect(gateway?.privileged).toBeUndefined();
  expect(gateway?.ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
  expect(gateway?.volumes).toEqual(['state:/var/lib/sluice', './gateway.yaml:/etc/sluice/gateway.yaml:ro']);
  expect(Object.keys(compose.volumes)).toEqual(['state']);
  expect(gateway?.tmpfs[0]).toMatch(/noexec/);
});

it('the bootstrap file beside it is one that the gateway takes, with its state in that volume', () => {
  expect(readBootstrap('deploy/gateway.yaml')).toMatchObject({ stateDir: '/var/lib/sluice', listen: { port: 7480 } });
});

it('the Homebrew formula has every part that brew audits, and its blocks are closed', () => {
  const formula = readFileSync('homebrew/sluice.rb.template', 'utf8');
  expect(formula).toMatch(/^class Sluice < Formula\n/);
  for (const part of ['desc', 'homepage', 'url', 'sha256', 'license', 'depends_on "node"'])
    expect(formula).toMatch(new RegExp(`^  ${part}`, 'm'));
  const desc = /desc "(.*)"/.exec(formula)?.[1] ?? '';
  expect(desc.length).toBeLessThanOrEqual(80);
  expect(desc).not.toMatch(/^(A|An|The) |\.$|[Ss]luice/);
  const opened = formula.match(/^\s*(class|def|test do|service do)\b/gm)?.length;
  expect(formula.match(/^\s*end$/gm)?.length).toBe(opened);
  expect(formula).toContain('system "npm", "install", *std_npm_args');
  expect(formula).toContain('generate_completions_from_executable(bin/"sluice", "completion")');
  expect(formula.indexOf('test do')).toBeGreaterThan(formula.indexOf('def install'));
});
