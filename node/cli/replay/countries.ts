// Which region group serves a country of the UCI Online Retail file. The one table; replay and its check read it.

export type RegionGroup = 'eu-west' | 'us-east';

/**
 * Europe, and what is usually shipped from there (the Mediterranean, the Middle East, Africa), is served by
 * eu-west; the Americas, Asia and Oceania by us-east. The retailer is British, so "Unspecified" is eu-west too.
 */
export const REGION_OF_COUNTRY: Readonly<Record<string, RegionGroup>> = {
  Austria: 'eu-west',
  Bahrain: 'eu-west',
  Belgium: 'eu-west',
  'Channel Islands': 'eu-west',
  Cyprus: 'eu-west',
  'Czech Republic': 'eu-west',
  Denmark: 'eu-west',
  EIRE: 'eu-west',
  'European Community': 'eu-west',
  Finland: 'eu-west',
  France: 'eu-west',
  Germany: 'eu-west',
  Greece: 'eu-west',
  Iceland: 'eu-west',
  Israel: 'eu-west',
  Italy: 'eu-west',
  Lebanon: 'eu-west',
  Lithuania: 'eu-west',
  Malta: 'eu-west',
  Netherlands: 'eu-west',
  Norway: 'eu-west',
  Poland: 'eu-west',
  Portugal: 'eu-west',
  RSA: 'eu-west',
  'Saudi Arabia': 'eu-west',
  Spain: 'eu-west',
  Sweden: 'eu-west',
  Switzerland: 'eu-west',
  'United Arab Emirates': 'eu-west',
  'United Kingdom': 'eu-west',
  Unspecified: 'eu-west',

  Australia: 'us-east',
  Brazil: 'us-east',
  Canada: 'us-east',
  'Hong Kong': 'us-east',
  Japan: 'us-east',
  Singapore: 'us-east',
  USA: 'us-east',
};

/** A country the table does not know is served from the Americas, like any order from overseas. */
export const REGION_OF_OTHERS: RegionGroup = 'us-east';
