/** Words that the demo shop's rows are made of. Nobody here is real. */
export const firstNames: readonly string[] =
  `Ada Aisha Alejandro Amara Ana Andrei Anika Antoine Asha Ben Bianca Carlos Chiara Chloe Daniel Dmitri Elena Elif Emeka
  Emma Erik Fatima Felix Freya Gabriel Grace Hana Hannah Hugo Ibrahim Ines Ingrid Isaac Ivan Jamal Jana Joana Jonas Julia
  Kai Karim Katja Kenji Kofi Lars Laura Leila Leo Liam Lina Lucia Luka Maja Malik Marco Maria Marta Mateo Maya Mei Mila
  Mina Nadia Naomi Nils Nina Noah Nora Oleg Olga Omar Oscar Paula Pedro Petra Priya Rafael Rania Ravi Rosa Ruth Sam Sara
  Selma Sofia Stefan Tara Tariq Theo Tomas Uma Vera Viktor Wei Yara Yuki Yusuf Zara Zoe`.split(/\s+/);

export const lastNames: readonly string[] =
  `Abara Ahmed Almeida Andersson Bakker Baptiste Bauer Becker Bianchi Blake Brandt Carter Castillo Chen Costa Cruz Dahl
  Danso Diallo Dubois Eriksen Evans Farkas Ferrari Fischer Fontaine Fraser Garcia Gomez Haddad Hansen Hartmann Hayashi
  Herrera Hoffmann Horvat Hughes Ibarra Iqbal Ivanova Jansen Jensen Johansson Kaya Keller Kim Kowalski Kumar Laine Larsen
  Laurent Lindqvist Lopez Marino Martin Mensah Meyer Moreau Mori Morris Murphy Nakamura Navarro Ndiaye Nguyen Novak
  Nowak Nunes Okafor Olsen Osei Patel Pereira Petrov Popescu Quinn Rahman Ramos Reyes Ricci Romano Rossi Saito Santos
  Schmidt Schneider Silva Singh Smit Sorensen Suzuki Tanaka Torres Turner Usman Vargas Virtanen Vogel Wagner Walsh Weber
  Wong Yilmaz Zhang`.split(/\s+/);

/** Phone numbers lie in ranges that each regulator keeps free for fiction. */
export const places: readonly {
  readonly country: string;
  readonly cities: readonly string[];
  readonly phone: string; // '#' is a digit
  readonly postcode: string;
}[] = [
  { country: 'US', cities: ['Boston', 'Denver', 'Austin', 'Seattle'], phone: '+1 617 555 01##', postcode: '#####' },
  { country: 'GB', cities: ['London', 'Leeds', 'Bristol'], phone: '+44 20 7946 0###', postcode: 'SW# #NQ' },
  { country: 'DE', cities: ['Berlin', 'Hamburg', 'Leipzig'], phone: '+49 30 23125 ###', postcode: '#####' },
  { country: 'FR', cities: ['Lyon', 'Paris', 'Nantes'], phone: '+33 1 99 00 ## ##', postcode: '#####' },
  { country: 'SE', cities: ['Malmö', 'Stockholm', 'Uppsala'], phone: '+46 8 465 004 ##', postcode: '### ##' },
  { country: 'AU', cities: ['Perth', 'Sydney', 'Hobart'], phone: '+61 2 5550 ####', postcode: '####' },
  { country: 'IE', cities: ['Dublin', 'Cork', 'Galway'], phone: '+353 20 915 ####', postcode: 'D## X###' },
];

export const streets: readonly string[] =
  `Alder Birch Canal Castle Cedar Chapel Church Elm Field Forest Garden Harbour High Hill King Lake Linden Market Meadow
  Mill Orchard Park Queen River School Spring Station Victoria Willow Windmill`.split(/\s+/);

export const productKinds: readonly { readonly category: string; readonly nouns: readonly string[] }[] = [
  { category: 'kitchen', nouns: ['Kettle', 'Skillet', 'Teapot', 'Bread Knife', 'Coffee Grinder', 'Mixing Bowl'] },
  { category: 'home', nouns: ['Desk Lamp', 'Wool Blanket', 'Wall Clock', 'Bookend', 'Door Mat', 'Plant Pot'] },
  { category: 'outdoor', nouns: ['Tent', 'Headlamp', 'Rain Jacket', 'Water Bottle', 'Daypack', 'Camp Stove'] },
  { category: 'office', nouns: ['Notebook', 'Fountain Pen', 'Monitor Stand', 'Keyboard', 'Desk Pad', 'Stapler'] },
];
export const productStyles: readonly string[] =
  'Classic Compact Everyday Folding Heritage Light Nordic Pocket Solid Travel'.split(' ');

export const departments: readonly {
  readonly name: string;
  readonly titles: readonly string[];
  readonly base: number;
}[] = [
  { name: 'Engineering', titles: ['Software Engineer', 'Site Reliability Engineer', 'Staff Engineer'], base: 82_000 },
  { name: 'Support', titles: ['Support Agent', 'Support Lead'], base: 46_000 },
  { name: 'Warehouse', titles: ['Picker', 'Shift Supervisor'], base: 39_000 },
  { name: 'Finance', titles: ['Accountant', 'Controller'], base: 64_000 },
  { name: 'Marketing', titles: ['Campaign Manager', 'Copywriter'], base: 57_000 },
  { name: 'People', titles: ['Recruiter', 'HR Partner'], base: 55_000 },
];

/** Notes as support writes them; {email}, {card} and {token} become what ought not to be there. */
export const plainNotes: readonly string[] = [
  'Prefers delivery after 17:00.',
  'Leave parcels with the neighbour.',
  'Asked twice about the loyalty programme.',
  'Returned a kettle, refund done.',
  'Wants invoices on paper.',
  'Very happy with the last order.',
];
export const leakyNotes: readonly string[] = [
  'Please write to {email} instead, the old address bounces.',
  'Customer read the card {card} over the phone; charge failed.',
  'Sent us an API key by mistake: {token} (asked to rotate it).',
  'Second contact {email}, second card {card}.',
];
