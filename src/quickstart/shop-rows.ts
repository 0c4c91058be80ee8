import { seededRandom, withLuhnDigit, type SeededRandom } from './random.js';
import {
  departments,
  firstNames,
  lastNames,
  leakyNotes,
  places,
  plainNotes,
  productKinds,
  productStyles,
  streets,
} from './shop-words.js';

/** How many of each; everything else follows from these. */
export interface ShopSize {
  readonly customers: number;
  readonly employees: number;
  readonly orders: number;
  readonly auditEntries: number;
}
export const fullShop: ShopSize = { customers: 12_000, employees: 140, orders: 36_000, auditEntries: 6_000 };
export const smallShop: ShopSize = { customers: 200, employees: 20, orders: 400, auditEntries: 50 };

export type ShopRow = Readonly<Record<string, string | number | boolean | null | object>>;

/** A table's name and its rows, in an order that satisfies every foreign key. */
export interface ShopTable {
  readonly name: string;
  readonly rows: readonly ShopRow[];
}

const opened = Date.UTC(2023, 0, 9, 8);
const lastDay = Date.UTC(2026, 9, 30, 20);

/** All rows of the shop: the same ones on every machine. */
export function makeShop(size: ShopSize): readonly ShopTable[] {
  const random = seededRandom(20_230_109);
  const customers = Array.from({ length: size.customers }, (_, index) => makeCustomer(index + 1, random));
  const employees = Array.from({ length: size.employees }, (_, index) => makeEmployee(index + 1, random));
  const products = makeProducts(random);
  const sales = makeSales(size.orders, { customers, products, random });
  const audit = Array.from({ length: size.auditEntries }, (_, index) =>
    makeAuditEntry(index + 1, { employees, orders: size.orders, random }),
  );
  return [
    { name: 'customers', rows: customers },
    { name: 'employees', rows: employees },
    { name: 'products', rows: products },
    { name: 'orders', rows: sales.orders },
    { name: 'order_items', rows: sales.items },
    { name: 'payments', rows: sales.payments },
    { name: 'audit_log', rows: audit },
  ];
}

function makeCustomer(id: number, random: SeededRandom) {
  const first = random.pick(firstNames);
  const last = random.pick(lastNames);
  const place = random.pick(places);
  return {
    id,
    name: `${first} ${last}`,
    email: `${first}.${last}${id}@example.${random.pick(['com', 'org', 'net'])}`.toLowerCase(),
    phone: random.digits(place.phone),
    card_number: makeCard(random),
    national_id: makeNationalId(random),
    street: `${1 + random.below(180)} ${random.pick(streets)} Street`,
    postcode: random.digits(place.postcode),
    city: random.pick(place.cities),
    country: place.country,
    marketing_opt_in: random.chance(38),
    notes: makeNote(id, random),
    created_at: timeBetween(opened, lastDay, random),
  };
}

/** Visa, Mastercard, American Express: issuer ranges of test cards, right length and check digit, nobody's account. */
function makeCard(random: SeededRandom): string {
  const ranges = ['400000#########', '411111#########', '555555#########', '37828#########'];
  return withLuhnDigit(random.digits(random.pick(ranges)));
}

/** Shaped like a US social security number, from a range that is never given out. */
function makeNationalId(random: SeededRandom): string {
  return random.digits('9##-0#-####');
}

/** Most notes are harmless; the first customers', which demos show, are not. */
function makeNote(id: number, random: SeededRandom): string | null {
  const shown = leakyNotes[id - 1];
  if (shown !== undefined) return leak(shown, random);
  if (random.chance(55)) return null;
  return random.chance(70) ? random.pick(plainNotes) : leak(random.pick(leakyNotes), random);
}

function leak(note: string, random: SeededRandom): string {
  return note
    .replace('{email}', () => `${random.pick(firstNames).toLowerCase()}${random.digits('##')}@example.org`)
    .replace('{card}', () => makeCard(random))
    .replace('{token}', () => `ghp_${makeToken(36, random)}`);
}

function makeToken(length: number, random: SeededRandom): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join('');
}

function makeEmployee(id: number, random: SeededRandom) {
  const first = random.pick(firstNames);
  const last = random.pick(lastNames);
  const department = random.pick(departments);
  return {
    id,
    name: `${first} ${last}`,
    email: `${first}.${last}${id}@shop.example`.toLowerCase(),
    title: random.pick(department.titles),
    department: department.name,
    salary: department.base + random.below(60) * 750,
    national_id: makeNationalId(random),
    manager_id: id <= 6 ? null : 1 + random.below(6),
    hired_on: timeBetween(opened, lastDay, random).slice(0, 10),
  };
}

function makeProducts(random: SeededRandom) {
  const names = productKinds.flatMap(({ category, nouns }) =>
    nouns.flatMap((noun) => productStyles.map((style) => ({ category, name: `${style} ${noun}` }))),
  );
  return names.map(({ category, name }, index) => ({
    id: index + 1,
    sku: `${category.slice(0, 2).toUpperCase()}-${String(1000 + index)}`,
    name,
    category,
    price: (490 + random.below(180) * 50) / 100,
    stock: random.below(400),
  }));
}

interface SalesInput {
  readonly customers: readonly { readonly id: number; readonly card_number: string }[];
  readonly products: readonly { readonly id: number; readonly price: number }[];
  readonly random: SeededRandom;
}

function makeSales(count: number, { customers, products, random }: SalesInput) {
  const orders: ShopRow[] = [];
  const items: ShopRow[] = [];
  const payments: ShopRow[] = [];
  for (let id = 1; id <= count; id++) {
    const customer = random.pick(customers);
    const status = random.pick([
      'delivered',
      'delivered',
      'delivered',
      'shipped',
      'paid',
      'new',
      'returned',
      'cancelled',
    ]);
    let cents = 0;
    const lines = 1 + random.below(4);
    for (let line = 1; line <= lines; line++) {
      const product = random.pick(products);
      const quantity = 1 + random.below(3);
      cents += Math.round(product.price * 100) * quantity;
      items.push({ order_id: id, line, product_id: product.id, quantity, unit_price: product.price });
    }
    const placed = timeBetween(opened, lastDay, random);
    orders.push({ id, customer_id: customer.id, status, placed_at: placed, total: cents / 100 });
    if (status === 'new' || status === 'cancelled') continue;
    const method = random.pick(['card', 'card', 'card', 'transfer']);
    payments.push({
      id: payments.length + 1,
      order_id: id,
      method,
      card_number: method === 'card' ? customer.card_number : null,
      amount: cents / 100,
      status: status === 'returned' ? 'refunded' : 'settled',
      paid_at: placed,
    });
  }
  return { orders, items, payments };
}

interface AuditInput {
  readonly employees: readonly { readonly email: string }[];
  readonly orders: number;
  readonly random: SeededRandom;
}

function makeAuditEntry(id: number, { employees, orders, random }: AuditInput): ShopRow {
  return {
    id,
    at: timeBetween(opened, lastDay, random),
    actor: random.pick(employees).email,
    action: random.pick(['order.refund', 'order.edit', 'customer.view', 'stock.adjust', 'login']),
    detail: { order: 1 + random.below(orders), address: random.digits('10.0.#.1##') },
  };
}

function timeBetween(from: number, to: number, random: SeededRandom): string {
  return new Date(from + random.below((to - from) / 1000) * 1000).toISOString();
}
