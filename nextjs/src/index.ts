export {
  type Analytics,
  type Answer,
  createAnalytics,
  createCircuit,
  type Options,
  type Problem,
  type Source,
} from './analytics.ts';
export type {
  ChangePoint,
  EarlyWarning,
  Evidence,
  LearningPatterns,
  OnScale,
  OutlookPrediction,
  Recommendation,
  Resumption,
  ScorePrediction,
  ScoreSummary,
  SubjectRisk,
} from './contract.ts';
export type { Reader } from './reader.ts';
