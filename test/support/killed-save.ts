/** A process of its own: `killed-save.ts <url> <folder> <artifacts>` saves artifacts, until it is killed. */
import Anthropic from '@anthropic-ai/sdk';
import { saveArtifacts } from 'code-execution-kit/node';

const [baseURL = '', folder = '', artifacts = '[]'] = process.argv.slice(2);
const client = new Anthropic({ apiKey: 'none', baseURL });
process.stdout.write('ready\n');
await saveArtifacts(client, JSON.parse(artifacts), folder);
