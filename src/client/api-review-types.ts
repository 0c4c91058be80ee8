/** What helps to decide on a request. */
export interface ApiRequestReview {
  readonly pretty: string | null;
  /** Names that can be taken for others; absent where an older gateway answers. */
  readonly look_alikes?: readonly {
    readonly word: string;
    readonly reads_as: string | null;
    readonly letters: readonly string[];
  }[];
  readonly tables: readonly { readonly name: string; readonly rows: string | null }[];
  readonly estimated_rows: string | null;
  readonly alike: {
    readonly total: number;
    readonly approved: number;
    readonly denied: number;
    readonly latest: readonly {
      readonly id: string;
      readonly state: string;
      readonly requester: string;
      readonly same_requester: boolean;
      readonly exactly_alike: boolean;
      readonly created_at: string;
      readonly votes: readonly {
        readonly name: string;
        readonly decision: 'approve' | 'deny';
        readonly comment: string;
        readonly at: string;
      }[];
    }[];
  };
}
