'use client';

import { useEffect, useRef, useState } from 'react';
import { HEIGHT, lookAt, WIDTH, type Answer } from '../lib/direction.ts';
import { drawLine } from '../lib/draw-line.ts';

export default function Home() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isTurned, setTurned] = useState(false);
  const [answers, setAnswers] = useState<Record<string, Answer>>({});

  useEffect(() => {
    let isCurrent = true;
    setAnswers({});
    void look(drawLine(canvas.current!, isTurned)).then((found) => isCurrent && setAnswers(found));
    return () => {
      isCurrent = false;
    };
  }, [isTurned]);

  return (
    <>
      <h1>Which way up?</h1>
      <canvas ref={canvas} width={WIDTH} height={HEIGHT} />
      <label>
        <input type="checkbox" checked={isTurned} onChange={({ target }) => setTurned(target.checked)} /> on its head
      </label>
      {Object.entries(answers).map(([place, { upsideDown, backend, sha256 }]) => (
        <p key={place} id={place} data-sha256={sha256} data-backend={backend}>
          {place} ({backend}): <output>{upsideDown}</output>
        </p>
      ))}
    </>
  );
}

/** Asks the model in this browser and the one on the server. */
async function look(pixels: Uint8ClampedArray<ArrayBuffer>): Promise<Record<string, Answer>> {
  const asked = fetch('/direction', { method: 'POST', body: pixels, headers: { 'content-type': 'application/octet-stream' } });
  return { browser: await lookAt(pixels), server: (await (await asked).json()) as Answer };
}
