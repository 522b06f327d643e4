export type { CodeExecutionVersion } from '../request/tools.ts';
export type { ModelsClient } from '../sdk/client.ts';
export type { CostItem, CostLine } from './cost-lines.ts';
export type { CostSource, SessionToPrice, TurnToPrice } from './cost-source.ts';
export { type CostEstimate, type CostOptions, estimateCost, maxCost } from './estimate-cost.ts';
export { type ModelPrice, type PriceTable, prices, type TokenPrices } from './prices.ts';
export { type DatedFact, describeSandbox, type Sandbox, sandbox } from './sandbox.ts';
export { type ModelNotice, type ToolChoice, type ToolForOptions, toolFor } from './tool-for.ts';
