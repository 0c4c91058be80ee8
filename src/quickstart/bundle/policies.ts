/** policies/base.cedar of the starter bundle. */
export const basePolicies = `// Who may do what. Whatever no policy permits is refused, and a forbid (guardrails.cedar) always wins over a permit.
//
//   session  connect, transactions, prepared statements, harmless settings
//   read     select, copyOut, explain, show, …      write   insert, update, delete, truncate, copyIn, …
//   define   create, alter, drop, comment, …        call    functions, procedures
//   reveal   see a classified value in clear        infer   use one where its value can be inferred
//   control  grant, setRole, copyProgram, …         unknown what the gateway could not name
//   unrecorded  a session on a target with recording: off

@id("engineers-work-on-demo")
permit (
  principal in Group::"engineers",
  action in [Action::"session", Action::"read", Action::"write", Action::"define"],
  resource in Label::"env=demo"
);

// Scripts, jobs and AI agents look; they do not touch.
@id("machines-read-demo")
permit (
  principal in Group::"machines",
  action in [Action::"session", Action::"read"],
  resource in Label::"env=demo"
);

@id("dba-run-demo")
permit (
  principal in Group::"dba",
  action in [Action::"session", Action::"read", Action::"write", Action::"define", Action::"call"],
  resource in Label::"env=demo"
);

// People may ask about classified values; each time somebody else decides first (inference-by-people, guardrails.cedar).
@id("people-ask-about-values")
permit (principal, action == Action::"infer", resource in Label::"env=demo")
when { (principal in Group::"engineers" || principal in Group::"dba") && principal.kind == "human" };

// Functions that only compute. (PostgreSQL's own harmless ones, like count() or now(), are no effect at all.)
@id("pure-functions")
permit (principal, action == Action::"callFunction", resource in Label::"env=demo")
when {
  (principal in Group::"engineers" || principal in Group::"machines") &&
  ["immutable", "stable"].contains(context.volatility)
};

// Waiting changes nothing either, though PostgreSQL calls it volatile.
@id("waiting")
permit (principal, action == Action::"callFunction", resource in Label::"env=demo")
when {
  (principal in Group::"engineers" || principal in Group::"machines") &&
  context.source == "builtin" &&
  resource.name like "pg_sleep*"
};
`;

/** policies/guardrails.cedar of the starter bundle. */
export const guardrailPolicies = `// What nobody does, and what nobody does alone. A forbid with @approval is a hold: the statement waits in the user's own
// connection until enough people of that group have approved it. @quorum("2") asks for two people.

// ---- never ----------------------------------------------------------------------------------------------------------

@id("no-drop")
@message("DROP is not allowed through the gateway. Next: rename the object or ask a DBA for a migration.")
forbid (principal, action == Action::"drop", resource);

@id("no-truncate")
@message("TRUNCATE is not allowed through the gateway. Next: use DELETE with a WHERE clause, which a DBA can approve.")
forbid (principal, action == Action::"truncate", resource);

@id("no-unfiltered-writes")
@message("UPDATE and DELETE need a WHERE clause that narrows them down. Next: add one.")
forbid (principal, action in [Action::"update", Action::"delete"], resource)
unless { context.filtered };

// A value that is masked on the way out must not be guessed by asking about it: a program can ask very often. (People
// may, when somebody else agrees: inference-by-people, below.)
@id("no-inference")
@message("This uses a protected column where its value could be inferred. Next: select it as a plain column (it is masked) and filter by another.")
forbid (principal, action == Action::"infer", resource)
unless { principal.kind == "human" };

// Statistics hold samples of the values, and the activity views hold other people's statements.
@id("no-statistics")
@message("Statistics and activity views show values and statements of others. Next: ask a DBA.")
forbid (principal, action in Action::"read", resource is Table)
when {
  [
    "pg_statistic", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs",
    "pg_stat_activity", "pg_stat_statements", "pg_stat_replication"
  ].contains(resource.name)
};

// Functions that run SQL from a string or read a table by its name: what they touch cannot be judged.
@id("no-dynamic-sql")
@message("This function runs SQL that the gateway cannot see. Next: write the query itself.")
forbid (principal, action in Action::"call", resource)
when {
  resource.name like "*_to_xml*" ||
  resource.name like "dblink*" ||
  resource.name like "crosstab*" ||
  ["ts_stat", "ts_rewrite", "connectby", "xpath_table", "pg_stat_get_activity", "pg_stat_get_backend_activity"]
    .contains(resource.name)
};

@id("no-do-blocks")
@message("A DO block's code cannot be judged before it runs. Next: send its statements one by one.")
forbid (principal, action == Action::"doBlock", resource);

@id("no-server-functions")
@message("Functions that reach the server's files, processes or settings are not allowed through the gateway.")
forbid (principal, action in Action::"call", resource)
when {
  resource.name like "pg_read_*" ||
  resource.name like "pg_ls_*" ||
  resource.name like "pg_file_*" ||
  resource.name like "pg_logical_*" ||
  resource.name like "pg_replication_*" ||
  resource.name like "lo_*" ||
  ["loread", "lowrite", "pg_stat_file", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_promote"]
    .contains(resource.name)
};

@id("no-server-access")
@message("Programs, files, libraries and settings of the database server are out of reach. Next: use \\\\copy for files of your own.")
forbid (
  principal,
  action in [Action::"copyProgram", Action::"copyFile", Action::"loadLibrary", Action::"alterSystem"],
  resource
);

@id("no-unknown")
@message("The gateway could not tell what this would do, so it does not pass. Next: write it in a simpler form.")
forbid (principal, action == Action::"unknown", resource);

// ---- not alone ------------------------------------------------------------------------------------------------------

@id("demo-writes")
@approval("dba")
@message("Changing or deleting rows of a demo database needs the approval of a DBA.")
forbid (
  principal,
  action in [Action::"update", Action::"delete", Action::"merge"],
  resource in Label::"env=demo"
)
unless { context.approvals.contains("dba") };

@id("demo-ddl")
@approval("dba")
@message("Schema changes of a demo database need the approval of a DBA.")
forbid (principal, action in Action::"define", resource in Label::"env=demo")
unless { context.approvals.contains("dba") };

@id("inference-by-people")
@approval("dba")
@message("This uses a protected column where its value could be inferred, which needs the approval of a DBA. Without one: select it as a plain column (it is masked) and filter by another.")
forbid (principal, action == Action::"infer", resource)
when { principal.kind == "human" }
unless { context.approvals.contains("dba") };

// ---- seeing values in clear -----------------------------------------------------------------------------------------

// Nobody sees a classified value until a policy permits \`reveal\` on its class. An example, for people on call who gave a
// reason (--reason INC-42); bind the group in bindings.yaml first:
//
// @id("on-call-sees-contact-data")
// permit (
//   principal in Group::"on-call",
//   action == Action::"reveal",
//   resource in Label::"env=demo"
// )
// when { ["email", "phone"].contains(context.class) && principal.kind == "human" && context.hasReason };
`;

/** policies/gateway.cedar of the starter bundle. */
export const gatewayPolicies = `// Who may use the gateway itself. Everyone sees their own requests and sessions; these are about other people's.

// Deciding requests. Whose approval a request needs is up to the forbid that held it; nobody decides their own.
@id("reviewers-review")
permit (principal, action in [Action::"review", Action::"readSession", Action::"readPolicy"], resource)
when { principal in Group::"reviewers" || principal in Group::"dba" };

// Applying a bundle and ending sessions.
@id("reviewers-administer")
permit (principal in Group::"reviewers", action in [Action::"apply", Action::"endSession", Action::"holdSession"], resource);

@id("dba-keep-secrets")
permit (principal in Group::"dba", action == Action::"manageSecrets", resource);
`;
