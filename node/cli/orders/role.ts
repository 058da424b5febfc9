// The roles of `holdfast orders`: each may be a process of its own, and run any number of times.

export const ROLES = ['source', 'fulfil', 'exceptions', 'relay', 'capture'] as const;
export type Role = (typeof ROLES)[number];
