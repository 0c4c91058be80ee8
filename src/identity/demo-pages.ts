/** The demo provider's pages: plain HTML forms, usable by keyboard, screen reader, or a script. No scripts of their own. */

export interface DemoUser {
  readonly id: string;
  readonly groups: readonly string[];
}

const style = `
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; }
  code { font-size: 1.6rem; letter-spacing: .1em; }
  fieldset { margin: 1rem 0; } label { display: block; padding: .25rem 0; }
  input[type=text] { font-size: 1.2rem; width: 100%; box-sizing: border-box; text-transform: uppercase; }
  button { font-size: 1rem; padding: .5rem 1rem; margin-right: .5rem; }
  [role=alert] { border-left: .25rem solid #c00; padding-left: .75rem; }
`;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** `step` tells a script where it is; people read the heading. */
function page(step: string, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)} – Sluice demo</title><style>${style}</style></head>
<body data-step="${step}"><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body>
</html>`;
}

/** `form` is the provider's own: it carries the code's field and the anti-forgery value. */
export function codePage(form: string, problem: string | null): string {
  const alert = problem === null ? '' : `<p role="alert">${escapeHtml(problem)}</p>`;
  return page(
    'code',
    'Log in to Sluice',
    `${alert}<p>Enter the code that your terminal shows.</p>${form}<button type="submit" form="op.deviceInputForm">Continue</button>`,
  );
}

export function confirmPage(form: string, userCode: string, device: string): string {
  return page(
    'confirm',
    'Is this your terminal?',
    `<p>It must show this code:</p><p><code>${escapeHtml(userCode)}</code></p><p>The login was started by ${escapeHtml(device)}.</p>
${form}<button type="submit" form="op.deviceConfirmForm">Yes, continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No, stop</button>`,
  );
}

export function userPage(action: string, users: readonly DemoUser[], problem: string | null): string {
  const choices = users
    .map(
      ({ id, groups }, index) =>
        `<label><input type="radio" name="user" value="${escapeHtml(id)}" required${index === 0 ? ' checked' : ''}> ${escapeHtml(id)} (${escapeHtml(groups.join(', '))})</label>`,
    )
    .join('\n');
  const alert = problem === null ? '' : `<p role="alert">${escapeHtml(problem)}</p>`;
  return page(
    'user',
    'Who are you?',
    `${alert}<p>Demo users have no passwords; that is why this page answers only on this machine.</p>
<form method="post" action="${escapeHtml(action)}"><fieldset><legend>Demo user</legend>
${choices}</fieldset>
<button type="submit" name="decision" value="confirm">Log in</button>
<button type="submit" name="decision" value="deny">Refuse</button></form>`,
  );
}

export function donePage(): string {
  return page('done', 'You are logged in', '<p>Return to your terminal; this page can be closed.</p>');
}

export function errorPage(message: string): string {
  return page('error', 'That did not work', `<p role="alert">${escapeHtml(message)}</p>`);
}
