import { fileURLToPath } from 'node:url';

/** A package of this folder, for programs elsewhere: Node looks a name up where its `import` is written. */
export const peer = (name) => import(name);

const nodeOf = (folder) => fileURLToPath(new URL(`node_modules/${folder}/bin/node`, import.meta.url));
export const NODE_20 = nodeOf('node20');
export const NODE_22 = nodeOf('node22');
