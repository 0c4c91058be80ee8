import { describe, expect, it } from 'vitest';
import { createHostCheck, isLoopback } from '../../../src/gateway/host-check.js';

describe('the Host check of a gateway on loopback', () => {
  const allows = createHostCheck('127.0.0.1', 'http://gateway.test:7480');

  it.each([
    '127.0.0.1:7480',
    '127.0.0.1',
    'localhost:1',
    'LOCALHOST',
    '[::1]:7480',
    'gateway.test:7480',
    'gateway.test',
  ])('answers to %s', (host) => {
    expect(allows(host)).toBe(true);
  });

  it.each([
    'evil.example',
    'evil.example:7480',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'gateway.test.evil.example',
    '10.0.0.1:7480',
    '[::1',
    '[evil.example]:7480',
    '',
    '@127.0.0.1',
  ])('does not answer to %j', (host) => {
    expect(allows(host)).toBe(false);
  });

  it('does not answer without a Host', () => {
    expect(allows(undefined)).toBe(false);
  });

  it('leaves a gateway on a real address to be called what it is called', () => {
    expect(createHostCheck('0.0.0.0', 'https://gateway.test')('anything.example')).toBe(true);
  });

  it('knows which addresses reach this machine only', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', ''].some(isLoopback)).toBe(false);
  });
});
