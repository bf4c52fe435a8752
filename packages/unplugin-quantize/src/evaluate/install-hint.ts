/** What to do when no engine is there; shared with the gate, which must not load an engine to say so. */
export const INSTALL_HINT = 'Install one for the build: npm install --save-dev onnxruntime-node (or onnxruntime-web).';
