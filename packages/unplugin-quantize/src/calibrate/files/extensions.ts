/** Endings of files by what they hold, in lower case. In a file of its own, so that looking for samples loads nothing that reads them. */
export const MODULE_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
export const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.avif', '.tif', '.tiff'];
export const AUDIO_EXTENSIONS = ['.wav'];
export const TEXT_EXTENSIONS = ['.txt', '.tsv', '.csv'];
/** Arrays of numpy. */
export const ARRAY_EXTENSIONS = ['.npz', '.npy'];
export const JSON_EXTENSIONS = ['.json', '.jsonl'];
