import { describe, expect, it } from 'vitest';
import { fullShop, makeShop, smallShop, type ShopRow } from '../../../src/quickstart/shop-rows.js';

function rowsOf(name: string, size = smallShop): readonly ShopRow[] {
  return makeShop(size).find((table) => table.name === name)?.rows ?? [];
}

/** Luhn as ISO/IEC 7812-1 annex B writes it, from the right, check digit included. */
function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

describe('the demo shop', () => {
  it('is the same on every machine', () => {
    expect(makeShop(smallShop)).toEqual(makeShop(smallShop));
  });

  it('has at least ten thousand customers with distinct addresses', () => {
    const customers = rowsOf('customers', fullShop);
    expect(customers.length).toBeGreaterThanOrEqual(10_000);
    expect(new Set(customers.map((row) => row['email'])).size).toBe(customers.length);
  });

  it('gives every card a valid check digit, in columns and in notes', () => {
    const customers = rowsOf('customers');
    const inNotes = customers.flatMap((row) => String(row['notes']).match(/\b\d{13,16}\b/g) ?? []);
    expect(inNotes.length).toBeGreaterThan(0);
    for (const card of [...customers.map((row) => String(row['card_number'])), ...inNotes]) {
      expect(card).toMatch(/^\d{15,16}$/);
      expect(passesLuhn(card)).toBe(true);
    }
  });

  it('hides addresses and tokens in free text, for the detectors to find', () => {
    const notes = rowsOf('customers', fullShop).map((row) => String(row['notes']));
    expect(notes.filter((note) => /\S+@example\.org/.test(note)).length).toBeGreaterThan(100);
    expect(notes.filter((note) => /ghp_\w{36}/.test(note)).length).toBeGreaterThan(100);
  });

  it('adds up: an order is what its lines cost, a settled payment is its order', () => {
    const lines = new Map<unknown, number>();
    for (const row of rowsOf('order_items')) {
      const cents = Math.round(Number(row['unit_price']) * 100) * Number(row['quantity']);
      lines.set(row['order_id'], (lines.get(row['order_id']) ?? 0) + cents);
    }
    const orders = new Map(rowsOf('orders').map((row) => [row['id'], Math.round(Number(row['total']) * 100)]));
    expect(lines).toEqual(orders);
    for (const payment of rowsOf('payments')) {
      expect(Math.round(Number(payment['amount']) * 100)).toBe(orders.get(payment['order_id'] ?? null));
    }
  });
});
