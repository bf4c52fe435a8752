/** Calls `take` with each image that the user chooses, drops anywhere on the page or pastes. */
export function onImageChosen(input: HTMLInputElement, dropZone: HTMLElement, take: (file: Blob) => void): void {
  input.addEventListener('change', () => {
    takeFirst(input.files);
    // The same file can be chosen again.
    input.value = '';
  });
  document.addEventListener('paste', (event) => takeFirst(event.clipboardData?.files));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    dropZone.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) dropZone.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    dropZone.classList.remove('dropping');
    takeFirst(event.dataTransfer?.files);
  });

  function takeFirst(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (file !== undefined) take(file);
  }
}
