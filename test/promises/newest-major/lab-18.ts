import { openLab, type Lab } from '../support/lab.js';

/** The newest major that there is a parser for. */
export const newestMajor = 18;

/** The lab on it, with what only it can have: computed columns that are stored nowhere, and a key over time. */
export async function openNewestLab(): Promise<Lab> {
  const lab = await openLab({ major: newestMajor });
  await lab.direct(`alter table users add column backwards text generated always as (reverse(ssn)) virtual;
    alter table users add column shout text generated always as (upper(name)) virtual;
    create table booked (room int4range, during daterange, primary key (room, during without overlaps));
    create table booked_tea (room int4range, during daterange,
      foreign key (room, period during) references booked (room, period during))`);
  return lab;
}
