/** The demo shop's tables. Deleting an order takes its lines and payments along, so that a DELETE is worth approving. */
export const shopSchema = `
create table customers (
  id bigint primary key,
  name text not null,
  email text not null unique,
  phone text not null,
  card_number text not null,
  national_id text not null,
  street text not null,
  postcode text not null,
  city text not null,
  country char(2) not null,
  marketing_opt_in boolean not null,
  notes text,
  created_at timestamptz not null
);
create table employees (
  id bigint primary key,
  name text not null,
  email text not null unique,
  title text not null,
  department text not null,
  salary numeric(10,2) not null,
  national_id text not null,
  manager_id bigint references employees,
  hired_on date not null
);
create table products (
  id bigint primary key,
  sku text not null unique,
  name text not null,
  category text not null,
  price numeric(10,2) not null check (price > 0),
  stock integer not null
);
create table orders (
  id bigint primary key,
  customer_id bigint not null references customers on delete cascade,
  status text not null check (status in ('new', 'paid', 'shipped', 'delivered', 'returned', 'cancelled')),
  placed_at timestamptz not null,
  total numeric(12,2) not null
);
create table order_items (
  order_id bigint not null references orders on delete cascade,
  line integer not null,
  product_id bigint not null references products,
  quantity integer not null check (quantity > 0),
  unit_price numeric(10,2) not null,
  primary key (order_id, line)
);
create table payments (
  id bigint primary key,
  order_id bigint not null references orders on delete cascade,
  method text not null,
  card_number text,
  amount numeric(12,2) not null,
  status text not null,
  paid_at timestamptz not null
);
create table audit_log (
  id bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  detail jsonb not null
);`;

/** Made after the rows are in, when indexes are cheap to build. */
export const shopIndexesAndViews = `
create index orders_customer on orders (customer_id);
create index orders_placed_at on orders (placed_at);
create index payments_order on payments (order_id);
create index customers_country on customers (country);

create view customer_orders as
  select o.id as order_id, o.placed_at, o.status, o.total, c.id as customer_id, c.name, c.email, c.country
  from orders o join customers c on c.id = o.customer_id;

create view revenue_by_country as
  select c.country, count(*) as orders, sum(o.total) as revenue
  from orders o join customers c on c.id = o.customer_id
  where o.status not in ('cancelled', 'returned')
  group by c.country;

create function order_total(order_id bigint) returns numeric
  language sql stable
  as 'select coalesce(sum(i.quantity * i.unit_price), 0) from public.order_items i where i.order_id = $1';

comment on table customers is 'People who bought something, with what nobody should read without a reason';
comment on function order_total(bigint) is 'What the lines of an order add up to';
analyze;`;
