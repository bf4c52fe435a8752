export { ENERGY_BASIS, estimateEnergy } from './estimate.ts';
export { profileModel, type ProfiledNode } from './profile.ts';
