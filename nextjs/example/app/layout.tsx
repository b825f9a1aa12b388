import './globals.css';

import type { ReactNode } from 'react';

export const metadata = { title: '학습 분석 예시' };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="ko">
      <body>{children}</body>
    </html>
  );
}
