/** One protected column, and somebody who may do everything but see it in clear: for what becomes of its copies. */
export const peopleRules = {
  classification: `classes: { ssn: { mask: last4 } }
columns:
  - { column: public.people.ssn, class: ssn }
detectors: {}
`,
  policies: '@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };\n',
};

/** Makes its tables anew. */
export const peopleTables = `
  drop schema if exists public cascade; create schema public;
  create table people (id int primary key, name text, ssn text);
  insert into people values (1, 'Ada', 'QXZ-41-7W93'), (2, 'Ben', 'RBN-52-1L60');
  create table notes (id int, body text);`;
