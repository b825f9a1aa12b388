export {
  type Analytics,
  type Answer,
  createAnalytics,
  createCircuit,
  type Options,
  type Problem,
  type Source,
} from './analytics.ts';
export type { LearningPatterns, OnScale, Recommendation, Resumption, ScorePrediction } from './contract.ts';
export type { Reader } from './reader.ts';
