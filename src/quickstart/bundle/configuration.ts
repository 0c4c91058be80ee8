/** targets.yaml of the starter bundle. */
export function targetsYaml(pgPort: number): string {
  return `# The systems people reach through the gateway. They never see an address, a user name or a secret.
targets:
  - name: demo-db
    kind: postgres
    address: 127.0.0.1:${pgPort}
    database: shop
    username: sluice_gateway # the gateway's own role: least privilege, not a superuser
    secret: vault:demo-db # a reference, never the secret: sluice secrets set demo-db
    tls: { mode: disable } # this demo is on loopback; verify-full is the default and belongs everywhere else
    labels: { env: demo, team: shop } # what policies speak of: resource in Label::"env=demo"
    recording: strict # strict: written before it is forwarded; durable: flushed to disk as well
`;
}

/** classification.yaml of the starter bundle. */
export const classificationYaml = `# Which columns hold what. A classified column is masked in every result unless a policy permits \`reveal\` on its class,
# and using it where its value could be inferred (WHERE, ORDER BY, JOIN…) is the effect \`infer\`: refused to machines, and
# for people it waits for an approval.

# mask: redact (nothing is left), last4, email (a***@example.com), hash (equal values stay equal), null
classes:
  email: { mask: email }
  phone: { mask: last4 }
  card: { mask: last4 }
  national-id: { mask: redact }
  salary: { mask: redact }
  secret: { mask: redact }

# schema.table.column, * stands for anything; add "target: demo-*" to narrow one down.
columns:
  - { column: public.customers.email, class: email }
  - { column: public.customers.phone, class: phone }
  - { column: public.customers.card_number, class: card }
  - { column: public.customers.national_id, class: national-id }
  - { column: public.employees.email, class: email }
  - { column: public.employees.salary, class: salary }
  - { column: public.employees.national_id, class: national-id }
  - { column: public.payments.card_number, class: card }
  # By name, wherever they turn up: a column someone adds tomorrow is protected before anyone thinks of it.
  - { column: "*.*.*password*", class: secret }
  - { column: "*.*.*api_key*", class: secret }
  - { column: "*.*.*national_id*", class: national-id }

# What to look for in the text of every other column.
detectors:
  email: mask
  card: mask
  iban: mask
  phone: mask
  national-id: mask
  private-key: mask
  token: mask # API keys, JSON Web Tokens, passwords in connection strings
`;

/** bindings.yaml of the starter bundle. */
export const bindingsYaml = `# Who belongs to which group. Policies know only the groups named here, whatever the identity provider says.
#   claims: { groups: […] }   groups in the token
#   users: […]                people, by name (as in \`sluice whoami\`) or as ISSUER#SUBJECT
#   machines: […]             machine clients, by client id or as ISSUER#SUBJECT
#   issuer: https://…         only tokens of this issuer count
groups:
  engineers: { claims: { groups: [engineers] } }
  dba: { claims: { groups: [dba] } }
  reviewers: { claims: { groups: [reviewers] } }
  machines: { claims: { groups: [machines] }, machines: [robot] }
`;
