import { BaseCommand } from '../../src/cli/base-command.js';
import { findCopy } from '../../src/cli/copies.js';
import { Args, Flags } from '../../src/cli/flags.js';
import { plain } from '../../src/cli/plain.js';

export default class CopiesEnd extends BaseCommand {
  static override summary = 'End the protection of a copy that is held wrongly or was cleaned.';
  static override description =
    'Its values are shown in clear from now on, in open sessions too, unless another rule protects them. Whoever made the ' +
    'copy cannot do it. A statement that copies protected values there again protects the column again.';
  static override examples = [
    '<%= config.bin %> copies end db-prod public.notes.body --reason "cleaned, INC-42"',
    '<%= config.bin %> copies end db-prod cpy_1b3xk7q2m9v0zt5d --reason "holds no addresses"',
  ];
  static override args = {
    target: Args.string({ required: true, description: "the target's name" }),
    copy: Args.string({ required: true, description: 'the column, or the id, cpy_…' }),
  };
  static override flags = {
    reason: Flags.string({ required: true, helpValue: 'TEXT', summary: 'Why; it stands in the audit trail.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CopiesEnd);
    const client = await this.connect();
    const options = { signal: this.signal };
    const id = await findCopy(client, args, options);
    const document = await client.endCopy(args.target, id, flags.reason, options);
    const { column, class: name } = document;
    this.out.show(document, () => plain(`${column} is not protected as a copy of ${name} any more`));
  }
}
